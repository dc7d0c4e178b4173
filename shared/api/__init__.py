"""What a JSON API of any service consists of: requests, pages, acts of people, the document; no rule of a service."""
