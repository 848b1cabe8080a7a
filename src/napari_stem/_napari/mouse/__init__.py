"""Tools that take the mouse on the canvas: clicks and rectangles, a lasso of spots."""
