import numpy as np

from rllib_stackelberg.streams import Purpose, Stream, Streams


def test_every_branch_of_the_tree_is_its_own_stream():
    tables = [
        Streams(run, purpose, worker).uniforms(env, episode, stream, (4,)).tobytes()
        for run in (0, 1)
        for purpose in (Purpose.TRAINING, Purpose.REPORT)
        for worker in (0, 1)
        for env in (0, 1)
        for episode in (0, 1)
        for stream in (Stream.RESPONSE, Stream.REWARD)
    ]
    assert len(set(tables)) == len(tables) == 64


def test_a_table_does_not_depend_on_what_was_drawn_before():
    streams = Streams(3)
    streams.uniforms(0, 0, Stream.RESPONSE, (1000,))
    again = Streams(3).uniforms(5, 9, Stream.RESPONSE, (7, 3))
    np.testing.assert_array_equal(streams.uniforms(5, 9, Stream.RESPONSE, (7, 3)), again)


def test_uniforms_are_uniform():
    drawn = np.concatenate([Streams(1).uniforms(e, k, Stream.RESPONSE, (100,)) for e in range(20) for k in range(20)])
    assert abs(drawn.mean() - 0.5) < 5 * np.sqrt(1 / 12 / drawn.size)
    assert abs(drawn.var() - 1 / 12) < 0.002


def test_many_episodes_of_one_generator_draw_what_each_draws_alone():
    """To the bit, whatever another episode before drew; also where one stops in the midst of a block of numbers."""
    streams, episodes = Streams(3, Purpose.REPORT, worker=2), [(5, 9), (0, 0), (5, 2**40), (5, 9)]
    together = streams.uniforms_of(episodes, Stream.REWARD, (7, 3))
    for own, (env, episode) in zip(together, episodes, strict=True):
        np.testing.assert_array_equal(own, streams.uniforms(env, episode, Stream.REWARD, (7, 3)))
    assert not np.array_equal(together[0], together[1])
