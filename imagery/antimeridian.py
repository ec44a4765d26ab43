"""Areas that reach across 180 degrees of longitude, cut there, so that every planar test on degrees holds.

A picture of UTM zone 1 may begin at 179.9 E and end at 179.9 W. One ring through (179.9, -179.9) would run around the
whole globe the other way, and Greenwich would lie in it; as RFC 7946 asks, such an area is two polygons, one on either
side.
"""

import numpy as np
import shapely


def cut_at_antimeridian(polygon: shapely.Polygon) -> shapely.Polygon | shapely.MultiPolygon:
    """A polygon (EPSG:4326) with a side from near 180 to near -180 degrees as one part on either side of the line.

    Others come back as they are. A side that spans more than half the globe is taken for one that crosses the line, so
    sides must be shorter than that. The polygon must hold no pole.
    """
    rings = [np.asarray(ring.coords)[:, 0] for ring in (polygon.exterior, *polygon.interiors)]
    if not any((np.abs(np.diff(lon)) > 180).any() for lon in rings):
        return polygon
    # (179.9, -179.9) reads (179.9, 180.1) when counted on eastwards: cut that at 180 and count the rest back.
    onward = shapely.make_valid(shapely.transform(polygon, lambda xy: xy + (xy[:, :1] < 0) * (360.0, 0.0)))
    west = shapely.intersection(onward, shapely.box(0, -90, 180, 90))
    east = shapely.transform(shapely.intersection(onward, shapely.box(180, -90, 360, 90)), lambda xy: xy - (360.0, 0.0))
    parts = [part for part in _parts(west) + _parts(east) if isinstance(part, shapely.Polygon) and part.area > 0]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _parts(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    return list(shapely.get_parts(shapely.get_parts(geometry)))
