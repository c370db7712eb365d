"""The Kubernetes API, through `kubernetes.aio`: its configuration, sessions and authentication.

Objects stay JSON: the generated models cost three times the request itself.
"""

from redox_operator.adapters.cluster.connection import Connection, connect
from redox_operator.adapters.cluster.credentials import Credentials
from redox_operator.adapters.cluster.events import Events
from redox_operator.adapters.cluster.leases import Leases
from redox_operator.adapters.cluster.secrets import Secrets

__all__ = ["Connection", "Credentials", "Events", "Leases", "Secrets", "connect"]
