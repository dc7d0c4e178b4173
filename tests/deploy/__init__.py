"""What containers are made of: the image, docker-compose.yml, its secrets; checked without a Docker engine."""
