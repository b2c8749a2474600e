"""The two documents of the text that introduced network policies to Kubernetes, letter by letter."""

NAMESPACE = """\
kind: Namespace
apiVersion: v1
metadata:
  annotations:
    net.beta.kubernetes.io/network-policy: |
      {
        "ingress": {
          "isolation": "DefaultDeny"
        }
      }
"""

ANNOTATE = '{"ingress": {"isolation": "DefaultDeny"}}'
"""What the text has kubectl annotate a namespace with."""

POLICY = """\
apiVersion: extensions/v1beta1
kind: NetworkPolicy
metadata:
 name: test-network-policy
 namespace: default
spec:
 podSelector:
  matchLabels:
    role: db
 ingress:
  - from:
     - namespaceSelector:
        matchLabels:
         project: myproject
     - podSelector:
        matchLabels:
         role: frontend
    ports:
     - protocol: tcp
       port: 6379
"""
