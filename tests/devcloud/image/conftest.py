from support.image import machine_image, plain_image  # noqa: F401  fixtures
