"""Models, endpoint configurations, endpoints, and what is asked of them."""
