"""Who may try to sign in: throttling of failed sign-ins, in the admin and over the API alike.

django-axes counts and locks; its settings name what stands here.
"""
