"""L1: what must hold on this node: identities, who is isolated, which rules allow what. Knows no flows."""
