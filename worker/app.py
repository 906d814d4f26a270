"""The Celery application. Messages are doorbells: they hold one job's id, and losing one costs a little time only.

The reasons for each setting stand in docs/decisions/0003-the-row-is-the-truth.md.
"""

from __future__ import annotations

from celery import Celery
from kombu.entity import Queue

from core.settings import Settings
from worker import fsbroker, redisbroker

BELL = "labelaudit.bell"
QUEUES = {
    "ingest": "ingest",
    "export": "ingest",
    "probe": "audits",
    "audit": "audits",
}  # kind of job -> queue, the urgent kinds first


def build(settings: Settings) -> Celery:
    """The application for a service's broker."""
    embedded = settings.broker.startswith("filesystem://")
    options = fsbroker.install(settings.home / "broker") if embedded else redisbroker.install()
    app = Celery("labelaudit", broker=settings.broker, set_as_current=False)
    app.conf.update(
        broker_transport_options={**options, "polling_interval": 0.1},
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_queues=[Queue(name) for name in dict.fromkeys(QUEUES.values())],
        task_create_missing_queues=False,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_concurrency=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    # The first bell would otherwise import the broker's library while a request waits for the interpreter.
    _ = app.amqp, app.connection_for_write().transport_cls
    return app
