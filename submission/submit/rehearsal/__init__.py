"""The server's rehearsal: the committed tree run as the evaluation server runs it, then scored."""
