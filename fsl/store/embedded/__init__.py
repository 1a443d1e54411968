"""The object store of one's own machine: a SeaweedFS that is started, watched and stopped here."""
