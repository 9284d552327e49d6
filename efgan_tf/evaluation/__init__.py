"""Measures edits: of people who were held out, and of photographs.

`evaluator` is `python -m efgan_tf.evaluate`. In the order of what happens:

    protocol              which edits are made: pairs of a source and a target
    judges                independent networks that read faces; judge_training
    features              networks that FID, KID and LPIPS look through
    scoring               a score of each edit, by the formulas in metrics
    summaries             means with intervals: the rows of the tables
    groups                the same for each kind of people
    augmentation_benefit  do edits help to learn expressions?
    control               does each slider do what it says?
    tables                what the columns are
    report                tables and pictures for people
    comparison            several runs in one table

`ablation` says which runs `python -m efgan_tf.ablate` makes; `training_logs`
and `training_plots` draw how runs trained; `photographs` is
`python -m efgan_tf.evaluate_photos`.
"""
