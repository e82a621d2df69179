"""Groups of commands that ``cli`` loads when one of them is asked for; with it, the only users of click."""
