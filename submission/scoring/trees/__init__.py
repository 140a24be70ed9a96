"""DCI's boosted trees."""
