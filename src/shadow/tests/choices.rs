//! Which inputs are run.

use crate::shadow::{
    choice::{Coins, Input, Origin, choose},
    made_up,
    value::Value,
};

fn input(origin: Origin, n: i64, failed: bool) -> Input {
    Input { args: Value::map([("n", Value::Integer(n))]), origin, failed, ..Input::default() }
}

fn origins(all: &[Input]) -> Vec<Origin> {
    all.iter().map(|it| it.origin).collect()
}

#[test]
fn what_was_given_comes_first_and_what_was_made_up_last() {
    let all = vec![
        input(Origin::Synthetic, 1, false),
        input(Origin::Example, 2, false),
        input(Origin::Recorded, 3, false),
        input(Origin::Recorded, 4, true),
        input(Origin::Given, 5, false),
    ];
    let chosen = choose(&all, 30);
    let expected =
        [Origin::Given, Origin::Recorded, Origin::Recorded, Origin::Example, Origin::Synthetic];
    assert_eq!(origins(&chosen), expected);
    assert!(chosen[1].failed);
    assert_eq!(choose(&all, 2).len(), 2);
}

#[test]
fn each_is_run_once_and_old_ones_by_their_shape() {
    let twice = vec![input(Origin::Given, 1, false), input(Origin::Recorded, 1, true)];
    assert_eq!(choose(&twice, 30).len(), 1);
    // Ten of one shape that are newest, a hundred more of it, and one of another behind them all.
    let mut all: Vec<Input> =
        (0..110).map(|it| input(Origin::Recorded, it % 10 + it, false)).collect();
    let rare =
        Input { args: Value::text("another shape"), origin: Origin::Recorded, ..Input::default() };
    all.push(rare.clone());
    let chosen = choose(&all, 14);
    assert_eq!(chosen.len(), 14);
    assert!(chosen.contains(&rare), "{chosen:?}");
}

#[test]
fn inputs_are_made_up_from_a_schema() {
    let text = |it: &str| Value::map([("type", Value::text(it))]);
    let schema = Value::map([
        ("properties", Value::map([("q", text("string")), ("most", text("integer"))])),
        ("required", Value::List(vec![Value::text("q")])),
    ]);
    let made = made_up(&schema);
    assert!(made.len() > 6 && made.iter().all(|it| it.origin == Origin::Synthetic));
    assert_eq!(made[0].args.to_string(), r#"{"q":"a"}"#);
    assert_eq!(made[1].args.to_string(), r#"{"most":1,"q":"a"}"#);
    assert!(made.iter().all(|it| it.args.get("q").is_some()), "what is required is there");
    assert!(made.iter().any(|it| it.args.get("q") == Some(&Value::text(""))));
    for it in [Value::Null, text("object")] {
        assert_eq!(made_up(&it), []);
    }
}

#[test]
fn coins_are_fair_and_fall_alike_again() {
    let heads = |seed| {
        let mut coins = Coins::new(seed);
        (0..10_000).filter(|_| coins.flip()).count()
    };
    assert!((4800..5200).contains(&heads(7)), "{}", heads(7));
    assert_eq!(heads(7), heads(7));
}
