"""The room over HTTP, for the panel, the command line and programs on this machine; OpenAPI is the contract."""
