"""discobase at home in frameworks of others: a package for each, which uses what users may use."""
