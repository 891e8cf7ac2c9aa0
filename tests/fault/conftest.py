from tests.deployment import operator as operator
from tests.deployment import settings as settings
from tests.postgres import postgres as postgres
from tests.seaweed import bucket as bucket
from tests.seaweed import seaweed as seaweed
from tests.service import start_service as start_service
