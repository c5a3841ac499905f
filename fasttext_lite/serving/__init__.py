"""Models over HTTP: which are loaded, what they are asked, and the page to try them on."""
