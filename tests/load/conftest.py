from tests.service import start_service as start_service
