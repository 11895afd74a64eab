"""The refresh: list the directories, look up those that changed, publish the map."""
