import pytest

from diptych.errors import BadSetting
from diptych.index.address import open_store, split_uri
from diptych.index.passwords import masked


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://ann:s3cret@db:5432/shop#museum", "postgresql://ann:***@db:5432/shop#museum"),
        ("postgresql://:s3cret@db/shop", "postgresql://:***@db/shop"),
        ("postgresql://ann:it%27s%20100%25@/shop?host=/run", "postgresql://ann:***@/shop?host=/run"),
        ("postgresql:///shop?user=ann&password=s3cret&sslmode=require", "postgresql:///shop?user=ann&password=***&sslmode=require"),
        ("postgresql:///shop?PASSWORD=s3cret#museum", "postgresql:///shop?PASSWORD=***#museum"),
        ("postgresql:///shop?sslpassword=s3#cret#museum", "postgresql:///shop?sslpassword=***#museum"),
        ("milvus://root:s3cret@host:19530#museum", "milvus://root:***@host:19530#museum"),
        ("milvus://host:19530?token=s3cret", "milvus://host:19530?token=***"),
    ],
)  # fmt: skip
def test_a_password_is_not_shown(uri: str, shown: str) -> None:
    assert masked(uri) == shown


@pytest.mark.parametrize("password", ["p@ss", "p/ss", "p?ss", "p#ss", "p:ss", "1/2@3", "p#a@b/c#d", "@", "a\nb"])
def test_a_password_that_was_not_written_as_it_should_be_is_not_shown_either(password: str) -> None:
    assert masked(f"postgresql://ann:{password}@db:5432/shop#museum") == "postgresql://ann:***@db:5432/shop#museum"


@pytest.mark.parametrize(
    "place", ["photos", "./a:b", "lance://museum", "/tmp/a@b", "postgresql://ann@db:5432/shop", "milvus://host:19530#a"]
)
def test_what_has_no_password_is_shown_as_it_is(place: str) -> None:
    assert masked(place) == place


def test_a_bad_name_of_a_collection_is_refused_without_the_password() -> None:
    with pytest.raises(
        BadSetting, match=r"name after # in 'postgresql://ann:\*\*\*@db/shop#2nd' .* write %23"
    ) as caught:
        split_uri("postgresql://ann:sec#ret@db/shop#2nd")
    assert "ret" not in str(caught.value).replace("letters", "")


@pytest.mark.parametrize("password", ["s3cret@x", "s3cret/x", "12/s3cret", "s3cret@12/x", "s3cret?x/y", "s3cret#x"])
def test_a_uri_torn_apart_within_its_password_is_refused_without_it(password: str) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: no PostgreSQL to test with")
    with pytest.raises(BadSetting) as caught:
        open_store(f"postgresql://ann:{password}@db:5432/shop")
    assert "s3cret" not in str(caught.value)
