"""The sweep: clears away what nobody needs any more, from the database and from the storage."""
