"""The console's pages: messages and what came of them, one message, trying one."""
