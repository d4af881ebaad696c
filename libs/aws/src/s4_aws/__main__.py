"""``python -m s4_aws DEPLOYMENT ZONE-ID ACCOUNT`` prints the IAM policy that the provisioner of a deployment needs.

With ``--boundary`` and the deployment alone: the boundary of the role of storage nodes, which that policy asks for.
"""

import json
import sys

from s4_aws.permissions import boundary, needed

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--boundary", deployment]:
            print(json.dumps(boundary(deployment), indent=2))
        case [deployment, zone, account]:
            print(json.dumps(needed(deployment, zone, account), indent=2))
        case _:
            sys.exit(__doc__)
