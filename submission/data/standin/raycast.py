"""Analytic intersections of a ray with the stand-in scene.

Directions are unit vectors. Nothing here allocates, and no floating-point shortcut is allowed, so that
a ray has one answer whichever thread or machine follows it.
"""

import math

from numba import njit

from submission.data.standin.scene import (
    BASE,
    COLUMN,
    PLANES,
    RING,
    ROD_RADIUS,
    WALL_APOTHEM,
    WALLS,
)

__all__ = ["ARM", "BASE_PLATE", "FLOOR", "OBJECT", "RING_BAND", "WALL", "first_hit", "occluded"]

FLOOR, RING_BAND, WALL, ARM, BASE_PLATE, OBJECT = range(6)
FAR = 1e9
NEAR = 1e-4
BOUND = 3.0  # squared radius around the cube [-1, 1]^3


@njit(cache=True, error_model="numpy")
def _hit_sphere(ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    root = b * b - a * (ox * ox + oy * oy + oz * oz - 1.0)
    if root < 0.0:
        return FAR, 0.0, 0.0, 0.0
    t = (-b - math.sqrt(root)) / a
    if t < NEAR:
        return FAR, 0.0, 0.0, 0.0
    return t, ox + t * dx, oy + t * dy, oz + t * dz


@njit(cache=True, error_model="numpy")
def _hit_round(taper, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Meets a cylinder (taper 0) or a cone (taper 1) whose radius at z is 1 - taper * (1 + z) / 2."""
    best, nx, ny, nz = FAR, 0.0, 0.0, 0.0
    slope = 0.5 * taper
    radius = 1.0 - slope * (1.0 + oz)
    a = dx * dx + dy * dy - slope * slope * dz * dz
    b = ox * dx + oy * dy + slope * radius * dz
    root = b * b - a * (ox * ox + oy * oy - radius * radius)
    if root >= 0.0 and abs(a) > 1e-12:
        for sign in (-1.0, 1.0):
            t = (-b + sign * math.sqrt(root)) / a
            z = oz + t * dz
            if NEAR < t < best and -1.0 <= z <= 1.0:
                best = t
                nx = ox + t * dx
                ny = oy + t * dy
                nz = slope * (1.0 - slope * (1.0 + z))
    if abs(dz) > 1e-12:
        for z in (-1.0, 1.0):
            t = (z - oz) / dz
            x = ox + t * dx
            y = oy + t * dy
            r = 1.0 - slope * (1.0 + z)
            if NEAR < t < best and x * x + y * y < r * r:
                best = t
                nx = 0.0
                ny = 0.0
                nz = z
    return best, nx, ny, nz


@njit(cache=True, error_model="numpy")
def _hit_flat(shape, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    enter, leave, face = -FAR, FAR, 0
    for k in range(8):
        speed = PLANES[shape, k, 0] * dx + PLANES[shape, k, 1] * dy + PLANES[shape, k, 2] * dz
        gap = PLANES[shape, k, 3] - (
            PLANES[shape, k, 0] * ox + PLANES[shape, k, 1] * oy + PLANES[shape, k, 2] * oz
        )
        if abs(speed) < 1e-12:
            if gap < 0.0:
                return FAR, 0.0, 0.0, 0.0
        elif speed < 0.0:
            if gap / speed > enter:
                enter = gap / speed
                face = k
        elif gap / speed < leave:
            leave = gap / speed
    if enter > leave or enter < NEAR:
        return FAR, 0.0, 0.0, 0.0
    return enter, PLANES[shape, face, 0], PLANES[shape, face, 1], PLANES[shape, face, 2]


@njit(cache=True, error_model="numpy")
def _hit_object(shape, extent, pose, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    px, py, pz = ox - pose[4, 0], oy - pose[4, 1], oz - pose[4, 2]
    b = px * dx + py * dy + pz * dz
    outside = px * px + py * py + pz * pz - BOUND * extent * extent
    if b * b < outside or (b > 0.0 and outside > 0.0):
        return FAR, 0.0, 0.0, 0.0
    f = 1.0 / extent
    lx = (pose[0, 0] * px + pose[0, 1] * py + pose[0, 2] * pz) * f
    ly = (pose[1, 0] * px + pose[1, 1] * py + pose[1, 2] * pz) * f
    lz = (pose[2, 0] * px + pose[2, 1] * py + pose[2, 2] * pz) * f
    ex = (pose[0, 0] * dx + pose[0, 1] * dy + pose[0, 2] * dz) * f
    ey = (pose[1, 0] * dx + pose[1, 1] * dy + pose[1, 2] * dz) * f
    ez = (pose[2, 0] * dx + pose[2, 1] * dy + pose[2, 2] * dz) * f
    if shape == 5:
        t, ax, ay, az = _hit_sphere(lx, ly, lz, ex, ey, ez)
    elif shape == 0 or shape == 2:
        t, ax, ay, az = _hit_round(1.0 if shape == 0 else 0.0, lx, ly, lz, ex, ey, ez)
    else:
        t, ax, ay, az = _hit_flat(shape, lx, ly, lz, ex, ey, ez)
    if t == FAR:
        return FAR, 0.0, 0.0, 0.0
    n = 1.0 / math.sqrt(ax * ax + ay * ay + az * az)
    return (
        t,
        (pose[0, 0] * ax + pose[1, 0] * ay + pose[2, 0] * az) * n,
        (pose[0, 1] * ax + pose[1, 1] * ay + pose[2, 1] * az) * n,
        (pose[0, 2] * ax + pose[1, 2] * ay + pose[2, 2] * az) * n,
    )


@njit(cache=True, error_model="numpy")
def _hit_upright(radius, height, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Meets an upright cylinder that stands on the floor around the origin, from outside."""
    a = dx * dx + dy * dy
    b = ox * dx + oy * dy
    root = b * b - a * (ox * ox + oy * oy - radius * radius)
    if root <= 0.0:
        return FAR, 0.0, 0.0, 0.0
    t = (-b - math.sqrt(root)) / a
    z = oz + t * dz
    if t > NEAR and 0.0 <= z <= height:
        return t, (ox + t * dx) / radius, (oy + t * dy) / radius, 0.0
    if abs(dz) > 1e-12:
        t = (height - oz) / dz
        x = ox + t * dx
        y = oy + t * dy
        if t > NEAR and x * x + y * y < radius * radius:
            return t, 0.0, 0.0, 1.0
    return FAR, 0.0, 0.0, 0.0


@njit(cache=True, error_model="numpy")
def _hit_rod(pose, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Meets the side of the rod, a cylinder of length one from the shoulder on."""
    rx, ry, rz = pose[2, 0], pose[2, 1], pose[2, 2]
    px, py, pz = ox - pose[3, 0], oy - pose[3, 1], oz - pose[3, 2]
    along = rx * dx + ry * dy + rz * dz
    start = rx * px + ry * py + rz * pz
    a = 1.0 - along * along
    b = px * dx + py * dy + pz * dz - along * start
    root = b * b - a * (px * px + py * py + pz * pz - start * start - ROD_RADIUS * ROD_RADIUS)
    if root <= 0.0 or a < 1e-12:
        return FAR, 0.0, 0.0, 0.0
    t = (-b - math.sqrt(root)) / a
    s = start + t * along
    if t < NEAR or s < 0.0 or s > 1.0:
        return FAR, 0.0, 0.0, 0.0
    f = 1.0 / ROD_RADIUS
    return t, (px + t * dx - s * rx) * f, (py + t * dy - s * ry) * f, (pz + t * dz - s * rz) * f


@njit(cache=True, error_model="numpy")
def first_hit(walls, shape, extent, pose, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Finds what a ray meets first.

    Args:
        walls: whether the cabinet's walls stand.
        shape: 0..5.
        extent: the object's half-extent.
        pose: (5, 3) as `scene.poses` gives it.
        ox: origin's x; oy, oz likewise.
        dx: direction's x; dy, dz likewise.

    Returns:
        Distance, material, and the three parts of the unit normal; the material is -1 for the void.
    """
    best, nx, ny, nz = _hit_object(shape, extent, pose, ox, oy, oz, dx, dy, dz)
    material = OBJECT if best < FAR else -1
    t, ax, ay, az = _hit_rod(pose, ox, oy, oz, dx, dy, dz)
    if t < best:
        best, nx, ny, nz, material = t, ax, ay, az, ARM
    t, ax, ay, az = _hit_upright(COLUMN[0], COLUMN[1], ox, oy, oz, dx, dy, dz)
    if t < best:
        best, nx, ny, nz, material = t, ax, ay, az, ARM
    t, ax, ay, az = _hit_upright(BASE[0], BASE[1], ox, oy, oz, dx, dy, dz)
    if t < best:
        best, nx, ny, nz, material = t, ax, ay, az, BASE_PLATE
    if dz < 0.0:
        t = -oz / dz
        if t < best:
            best, nx, ny, nz = t, 0.0, 0.0, 1.0
            x, y = ox + t * dx, oy + t * dy
            r = math.sqrt(x * x + y * y)
            material = RING_BAND if RING[0] < r < RING[1] else FLOOR
    if walls:
        for k in range(6):
            wx, wy = WALLS[k, 0], WALLS[k, 1]
            speed = wx * dx + wy * dy
            if speed > 1e-9:
                t = (WALL_APOTHEM - wx * ox - wy * oy) / speed
                if NEAR < t < best:
                    best, nx, ny, nz, material = t, -wx, -wy, 0.0, WALL
    return best, material, nx, ny, nz


@njit(cache=True, error_model="numpy")
def occluded(shape, extent, pose, ox, oy, oz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Tells whether object, rod or column stand in the way of a ray, however far."""
    t, _, _, _ = _hit_object(shape, extent, pose, ox, oy, oz, dx, dy, dz)
    if t < FAR:
        return True
    t, _, _, _ = _hit_rod(pose, ox, oy, oz, dx, dy, dz)
    if t < FAR:
        return True
    t, _, _, _ = _hit_upright(COLUMN[0], COLUMN[1], ox, oy, oz, dx, dy, dz)
    return t < FAR
