"""Matplotlib figures that need no window; `sheets` draws pixels."""


def new_figure(rows: int, columns: int, size: tuple[float, float], **arguments):
    """A figure and its axes.

    Args:
      rows: of axes.
      columns: of axes.
      size: width and height in inches.
      **arguments: of `Figure.subplots`.

    Returns:
      Matplotlib's `Figure`, laid out so that nothing overlaps, and its axes
      as `Figure.subplots` gives them.
    """
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(size, layout="constrained")
    return figure, figure.subplots(rows, columns, **arguments)
