"""``python -m s4_aws DEPLOYMENT ZONE-ID`` prints the IAM policy that the provisioner of a deployment needs."""

import json
import sys

from s4_aws.permissions import needed

if __name__ == "__main__":
    deployment, zone = sys.argv[1:]
    print(json.dumps(needed(deployment, zone), indent=2))
