"""Why a text got its answer: the words that carried it, and the training rows nearest to it. No torch is needed."""
