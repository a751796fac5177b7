"""Where recipes come from: dlrun's own, folders, files, addresses, git repositories and the cache."""
