"""The store against moto: what each transaction refuses, and that a refusal changes nothing."""
