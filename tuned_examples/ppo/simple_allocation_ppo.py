"""This example trains an allocator that gives an item to a follower who can only send a message, with PPO.

How to run: `python tuned_examples/ppo/simple_allocation_ppo.py --seeds 10`; `--as-test` makes it a regression test.

Results to expect: min(types, messages) / types, with 3 types in seconds; 8 types and 8 messages (16.7 million
tables, of which 40,320 are optimal) in most seeds.
"""

from rllib_stackelberg.training.examples import Example, main, reaches

EXAMPLES = [
    *(
        Example("simple-allocation", params={"messages": messages}, max_iterations=30, bar=reaches(messages / 3))
        for messages in (1, 2, 3)
    ),
    Example("simple-allocation", params={"types": 8, "messages": 8}, max_iterations=80, bar=reaches(1.0)),
]

if __name__ == "__main__":
    main(EXAMPLES, __doc__)
