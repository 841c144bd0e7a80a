from training.result.sources import MAX_NAMED, groups_of


def test_few_sources_keep_their_names():
    assert groups_of({"a": 3, "b": 0}) == {"a": "a", "b": "b"}


def test_of_many_sources_the_large_ones_are_named_and_the_others_counted():
    sizes = {f"s{number}": number for number in range(851)}
    found = groups_of(sizes)
    assert found["s850"] == "s850"
    assert found["s812"] == "s812"  # the 39th of the largest
    assert found["s811"] == found["s0"] == "other, 812 sources"
    assert len(set(found.values())) == MAX_NAMED
