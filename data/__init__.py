"""Standards and code lists as files, and the demonstration district's generator."""
