"""Each service's settings, read as the service itself reads them."""

from collections.abc import Callable, Mapping

import s4_billing.settings
import s4_invites.settings
import s4_notifier.settings
import s4_provisioner.settings
import s4_support.settings
import s4_web.settings
from s4_runtime import ServiceSettings, load

LOADERS: Mapping[str, Callable[[Mapping[str, str]], ServiceSettings]] = {
    "web": lambda environ: load(s4_web.settings.Settings, environ),
    "billing": s4_billing.settings.read,
    "provisioner": lambda environ: load(s4_provisioner.settings.Settings, environ),
    "notifier": lambda environ: load(s4_notifier.settings.Settings, environ),
    "invites": lambda environ: load(s4_invites.settings.Settings, environ),
    "support": s4_support.settings.read,
}
