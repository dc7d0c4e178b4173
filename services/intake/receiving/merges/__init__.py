"""What merges, links and moves do: which facts follow, and the copies of facts under the episode that stays."""
