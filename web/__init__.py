"""The running program: composition, HTTP, websocket and the command line."""
