"""`scoreline check`: would the service start, and would it understand its input?"""

from dataclasses import asdict
from typing import Annotated

import typer

from scoreline.cli.output import print_json, print_table


def check(
    role: Annotated[
        list[str] | None, typer.Option(help="stream, http or jobs; repeat it for several [default: all].")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Read the configuration; reach broker, topics, schemas and model; see whether features fit the input's schema.

    Prints the effective configuration, secrets masked, and every item that was looked at. Exits 2 if something is
    misconfigured, else 3 if something is missing or refuses.

    Example: scoreline check --role http
    """
    from scoreline.config.roles import choose_roles
    from scoreline.config.settings import load_settings

    roles = choose_roles(role or [])
    settings = load_settings(roles)

    from scoreline.cli.preflight import check_everything

    findings = check_everything(settings, roles)
    configuration = [
        {"variable": name, "value": shown.value, "source": shown.source} for name, shown in settings.effective().items()
    ]
    items: list[dict[str, object]] = [
        {"item": f.item, "state": f.state.value, "detail": f.detail} for f in findings.found
    ]
    if as_json:
        print_json(
            {
                "configuration": configuration,
                "findings": [asdict(finding) for finding in findings.found],
                "ignored": settings.service_links_line,
                "exit_code": findings.exit_code,
            }
        )
    else:
        print_table(configuration, title="Effective configuration")
        if settings.service_links_line is not None:
            typer.echo(settings.service_links_line)
        typer.echo()
        print_table(items, title="Findings")
    raise typer.Exit(findings.exit_code)
