"""The local store: the mirror of each CRM, the ledger of our tasks, the runs and the lease. SQLAlchemy Core, no ORM objects.

Every primary key, index, join and WHERE begins with the connection, so that tables can be distributed by it.
"""
