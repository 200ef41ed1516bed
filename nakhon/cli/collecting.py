"""The command that keeps what cities say: collect."""

# ruff: noqa: ARG001 - the options of collect are taken from the context: only there it is known which were given

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collector.stores.secrets import secret
from nakhon.cli.application import app
from nakhon.cli.options import (
    SECRETS,
    AuthorityOption,
    CertificateOption,
    KeyOption,
    broker_of,
    environment,
    hidden,
    secrets,
)
from nakhon.terminal import logs

if TYPE_CHECKING:
    from collector.stores.keeping import Policy
    from nakhon.collect import Alerting
    from nakhon.settings import Settings


@app.command(epilog="Example: nakhon collect --broker mqtt://localhost:1883 --store duckdb://city.duckdb")
def collect(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings, named as the options here")] = None,
    retire: Annotated[
        bool, typer.Option("--retire", help="leave a group: take what the broker keeps for us, then end for good")
    ] = False,
    print_config: Annotated[bool, typer.Option(help="print the settings in force and where each comes from")] = False,
    broker: Annotated[str | None, typer.Option(help="mqtt://host:1883 or mqtts://host:8883")] = None,
    store: Annotated[str | None, typer.Option(help="duckdb://FILE (three slashes before an absolute path)")] = None,
    spool: Annotated[Path | None, typer.Option(help="directory for what the store does not take in time")] = None,
    spool_limit: Annotated[str | None, typer.Option(help="its size at most (10GiB); full, the broker waits")] = None,
    raw: Annotated[str | None, typer.Option(help="keep raw values so long (90d, 2y), then half hours")] = None,
    halfhourly: Annotated[str | None, typer.Option(help="keep half hours so long (for ever)")] = None,
    events: Annotated[str | None, typer.Option(help="keep events so long (for ever)")] = None,
    alerts: Annotated[str | None, typer.Option(help="rules of alerts: a TOML file, or shipped ones (thailand)")] = None,
    alerts_state: Annotated[Path | None, typer.Option(help="file of their states (beside a DuckDB store)")] = None,
    alerts_webhook: Annotated[str | None, typer.Option(help="URL that alerts are posted to")] = None,
    host: Annotated[str | None, typer.Option(help="address of the page, the API and the metrics (127.0.0.1)")] = None,
    port: Annotated[int | None, typer.Option(help="their port (8080); 0 takes a free one")] = None,
    host_name: Annotated[list[str] | None, typer.Option(help="a name browsers know us by (may be repeated)")] = None,
    api_cert: Annotated[Path | None, typer.Option(help="PEM file of the certificate of the page and the API")] = None,
    api_key: Annotated[Path | None, typer.Option(help="PEM file of its key")] = None,
    run: Annotated[list[str] | None, typer.Option(help="collect only this run (may be repeated)")] = None,
    maps: Annotated[
        list[str] | None, typer.Option("--map", help="mapping of devices: a file or a shipped name[@CITY] (repeatable)")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(help="our name at the broker; must not change between starts")
    ] = None,
    group: Annotated[str | None, typer.Option(help="share the readings with other collectors of this group")] = None,
    mqtt: Annotated[str | None, typer.Option(help="MQTT version, 5 (the default) or 3.1.1")] = None,
    ca: AuthorityOption = None,
    cert: CertificateOption = None,
    key: KeyOption = None,
    log_format: Annotated[str | None, typer.Option(help="text (the default) or json")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error (info)")] = None,
) -> None:
    """Collect what cities say into a store; serve the live page and the API.

    Every option may also stand in the --config file (`client_id = "..."`) or in the environment
    (NAKHON_COLLECT_CLIENT_ID); an option counts before the environment, the environment before the file. Secrets come
    from the environment alone: NAKHON_MQTT_USERNAME, NAKHON_MQTT_PASSWORD, NAKHON_API_TOKEN, NAKHON_API_CONTROL_TOKEN,
    NAKHON_ALERTS_TOKEN (sent to the webhook).
    """
    from nakhon.settings import SETTINGS, gather

    given = context.params | {"map": maps}
    told = {name: value for name, value in given.items() if name in SETTINGS and value not in (None, [], ())}
    settings = gather(config, environment(), told)
    known = secrets()
    if print_config:
        typer.echo("\n".join(settings.lines({name: name in known for name in SECRETS})))
        return
    logs.set_up(settings["log_format"], settings["log_level"], hidden(known))
    _start(settings, retire=retire)


def _start(settings: Settings, *, retire: bool) -> None:
    from collector.serving.access import Tokens
    from collector.serving.serve import Certificate
    from nakhon.collect import Duty, collect
    from nakhon.terminal.sizes import parse_size

    certificate = Certificate(settings["api_cert"], settings["api_key"]) if settings["api_cert"] else None
    duty = Duty(
        settings["store"],
        settings["client_id"],
        settings["group"],
        settings["run"],
        settings["host"],
        settings["port"],
        names=settings["host_name"],
        certificate=certificate,
        retire=retire,
        spool=settings["spool"],
        spool_limit=parse_size(settings["spool_limit"]),
        tokens=Tokens(secret("NAKHON_API_TOKEN"), secret("NAKHON_API_CONTROL_TOKEN")),
        maps=settings["map"],
        policy=_policy(settings),
        alerting=_alerting(settings),
    )
    trust = (settings[name] for name in ("ca", "cert", "key"))
    collect(duty, broker_of(settings["broker"], settings["mqtt"], *trust))


def _alerting(settings: Settings) -> Alerting | None:
    from collector.alerts.webhook import TOKEN
    from nakhon.alerts import find_rules, states_file
    from nakhon.collect import Alerting

    if not settings["alerts"]:
        return None
    rules = find_rules(settings["alerts"])
    return Alerting(
        rules, states_file(settings["alerts_state"], settings["store"]), settings["alerts_webhook"], secret(TOKEN)
    )


def _policy(settings: Settings) -> Policy | None:
    from collector.stores.keeping import Policy
    from nakhon.terminal.durations import parse_length

    raw, halfhourly, events = (
        parse_length(settings[name]) if settings[name] else None for name in ("raw", "halfhourly", "events")
    )
    return Policy(raw, halfhourly, events) if raw or halfhourly or events else None
