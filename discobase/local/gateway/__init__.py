"""The gateway, version 10: sessions, their connections, and the events they are sent."""
