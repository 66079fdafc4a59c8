"""The sync agent: reads the spool, brings lessons to the server, and brings the receipts back."""
