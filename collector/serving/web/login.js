// The view that was asked for is shown after the login: its part of the address goes along.
if (location.hash.startsWith("#/")) document.querySelector("form").action = `/login${location.hash}`;
