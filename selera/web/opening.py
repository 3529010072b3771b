"""What one worker answers from: shop, model, rules, experiments, and the back office."""

from __future__ import annotations

import contextlib
from threading import Event

import msgspec

from ..contracts.epoch import epoch_path
from ..contracts.errors import ArtifactError
from ..contracts.ids import Id
from ..database import Shop
from ..pipeline.children import Command
from ..pipeline.erase import erase_in_child
from ..pipeline.publish import versions_folder
from ..pipeline.receipt import Receipt
from ..serving import ModelSlot, RecommendationService, Sources
from ..state import ChangeMarks, Experiments, Rules, State, marks_path
from .config import WebConfig
from .office import Erase, Office


def open_shop(config: WebConfig, stack: contextlib.ExitStack) -> Shop:
    """The shop's database; `stack` closes it."""
    shop = Shop.open(config.database, time_zone=config.time_zone)
    return stack.enter_context(contextlib.closing(shop))


def open_service(
    config: WebConfig, shop: Shop, state: State, stack: contextlib.ExitStack
) -> RecommendationService:
    """The service, which follows the shop from now on; `stack` closes it."""
    feed = stack.enter_context(contextlib.closing(shop.change_feed()))
    marks = stack.enter_context(ChangeMarks(marks_path(state.path)))
    sources = Sources(
        feed=feed,
        rules=Rules(state).all,
        experiments=Experiments(state),
        versions=versions_folder(config.model),
        epoch=epoch_path(config.state),
        marks=marks,
    )
    service = RecommendationService(
        ModelSlot(config.model),
        shop,
        config.serving,
        sources,
        shop.event_store(config.events),
    )
    stack.enter_context(contextlib.closing(service))
    service.start()
    with contextlib.suppress(ArtifactError):
        service.model()  # opened now and not at the first request; told then if it cannot be
    return service


def open_office(config: WebConfig, state: State, stop: Event) -> Office:
    """What the admin scope asks for is done here; nothing that takes long after `stop`."""
    erase = None if config.erase is None else _eraser(config.erase, stop)
    return Office(config.model, state, erase)


def _eraser(command: Command, stop: Event) -> Erase:
    """Erases a user in a child process: what the ETL needs is not loaded in one that answers.

    `command` ends where the id follows; `stop` ends the child.
    """

    def erase(user_id: Id) -> Receipt:
        arguments = [*command.arguments, str(user_id)]
        return erase_in_child(msgspec.structs.replace(command, arguments=arguments), stop)

    return erase
