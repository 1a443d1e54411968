"""Every published figure, each by one command. `python -m bench --list` names them."""
