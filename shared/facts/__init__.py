"""Facts on their way: their envelope, their order by sequence, and how a writer states one."""
