"""What placement does after its topics or its database were lost or restored older: tell again, and adopt (contract
5.8)."""
