"""A local SageMaker: it takes the requests of any AWS client and really runs what they ask for.

One process on loopback, in front of moto, which stands in for the other services. Jobs and servers
are processes of their own (or containers) that outlive it; what it knows is on disk.
"""
