"""Refuse names that Kubernetes, Kafka or Python would refuse later and less clearly."""

import keyword
import re
import sys

service_name = "{{ cookiecutter.service_name }}"
package_name = "{{ cookiecutter.package_name }}"
topic = "{{ cookiecutter.topic }}"
port = "{{ cookiecutter.port }}"

problem = ""
if not re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", service_name):
    problem = f"service_name {service_name!r}: lower case letters, digits and hyphens, 63 at most"
elif not package_name.isidentifier() or keyword.iskeyword(package_name):
    problem = f"package_name {package_name!r}: can't be imported by Python"
elif package_name in sys.stdlib_module_names:
    problem = f"package_name {package_name!r}: is a module of Python's own"
elif not re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", topic):
    problem = f"topic {topic!r}: letters, digits, dots, underscores and hyphens, 249 at most"
elif not (port.isdecimal() and 0 < int(port) < 65536):
    problem = f"port {port!r}: a number from 1 to 65535"
if problem:
    sys.stderr.write(f"{problem}\n")
    sys.exit(1)
