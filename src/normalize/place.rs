//! Where weather is collected: the stations' dictionary, and the grid of the Korean village forecast.
//!
//! The grid is a Lambert conformal conic projection with 5 km cells; its constants are the service's own, and a cell
//! is the nearest one to a point.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};
use std::sync::LazyLock;

use serde::Deserialize;

/// Earth radius of the projection, in cells: 6371.00877 km over 5 km.
const RADIUS: f64 = 6_371.008_77 / 5.0;
/// Parallels of true scale, in degrees.
const PARALLELS: (f64, f64) = (30.0, 60.0);
/// Latitude and longitude of the origin, in degrees.
const ORIGIN: (f64, f64) = (38.0, 126.0);
/// Cell of the origin.
const ORIGIN_CELL: (f64, f64) = (43.0, 136.0);
/// Cells of the grid: columns 1 to 149, rows 1 to 253.
const CELLS: (u16, u16) = (149, 253);

/// A cell of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cell {
    /// Column, from the west.
    pub nx: u16,
    /// Row, from the south.
    pub ny: u16,
}

impl Cell {
    /// The cell of a point in degrees; none where it lies off the grid.
    pub fn of(latitude: f64, longitude: f64) -> Option<Self> {
        let (cone, scale, origin) = projection();
        let distance = RADIUS * scale / half_angle(latitude).powf(cone);
        let angle = (longitude - ORIGIN.1).to_radians() * cone;
        let x = (distance * angle.sin() + ORIGIN_CELL.0 + 0.5).floor();
        let y = (origin - distance * angle.cos() + ORIGIN_CELL.1 + 0.5).floor();
        let on_grid = |cell: f64, cells: u16| {
            (1..=cells).find(|number| (f64::from(*number) - cell).abs() < 0.5)
        };
        Some(Self {
            nx: on_grid(x, CELLS.0)?,
            ny: on_grid(y, CELLS.1)?,
        })
    }

    /// Latitude and longitude of its centre, in degrees.
    pub fn centre(self) -> (f64, f64) {
        let (cone, scale, origin) = projection();
        let x = f64::from(self.nx) - ORIGIN_CELL.0;
        let y = origin - (f64::from(self.ny) - ORIGIN_CELL.1);
        let latitude = 2.0 * (RADIUS * scale / x.hypot(y)).powf(cone.recip()).atan() - FRAC_PI_2;
        (
            latitude.to_degrees(),
            (x.atan2(y) / cone).to_degrees() + ORIGIN.1,
        )
    }
}

/// The cone's constant, its scale, and the distance of the origin from its tip, in cells.
fn projection() -> (f64, f64, f64) {
    let (first, second) = (PARALLELS.0.to_radians(), PARALLELS.1.to_radians());
    let ratio = half_angle(PARALLELS.1) / half_angle(PARALLELS.0);
    let cone = (first.cos() / second.cos()).ln() / ratio.ln();
    let scale = half_angle(PARALLELS.0).powf(cone) * first.cos() / cone;
    let origin = RADIUS * scale / half_angle(ORIGIN.0).powf(cone);
    (cone, scale, origin)
}

fn half_angle(latitude: f64) -> f64 {
    (FRAC_PI_4 + latitude.to_radians() / 2.0).tan()
}

/// A place whose weather is collected.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Station {
    /// Part of a record's identity.
    pub id: String,
    /// English name.
    pub name: String,
    /// Korean name.
    pub name_ko: String,
    /// Column of its cell.
    pub nx: u16,
    /// Row of its cell.
    pub ny: u16,
    /// In degrees, north.
    pub latitude: f64,
    /// In degrees, east.
    pub longitude: f64,
}

/// The stations' dictionary.
#[derive(Debug, Clone, PartialEq)]
pub struct Stations(Vec<Station>);

/// A stations' dictionary that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StationsError {
    /// It is no TOML of the known shape.
    #[error("the dictionary of stations cannot be read")]
    Format(#[from] toml_edit::de::Error),
    /// Two stations have one id.
    #[error("two stations have the id `{0}`")]
    SameId(String),
    /// Coordinates and cell disagree.
    #[error("station `{0}` has coordinates outside of its cell; `nx` and `ny` may be swapped")]
    OutsideOfCell(String),
}

impl Stations {
    /// Those of `dictionaries/stations.toml`.
    ///
    /// # Panics
    /// Never: the file is part of the program, and a test reads it.
    pub fn bundled() -> &'static Self {
        static BUNDLED: LazyLock<Stations> = LazyLock::new(|| {
            Stations::parse(include_str!("../../dictionaries/stations.toml"))
                .expect("a test reads the bundled file")
        });
        &BUNDLED
    }

    /// Those of a dictionary file.
    pub fn parse(text: &str) -> Result<Self, StationsError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            station: Vec<Station>,
        }
        let File { station: stations } = toml_edit::de::from_str(text)?;
        for (index, station) in stations.iter().enumerate() {
            if stations[..index]
                .iter()
                .any(|before| before.id == station.id)
            {
                return Err(StationsError::SameId(station.id.clone()));
            }
            let cell = Cell {
                nx: station.nx,
                ny: station.ny,
            };
            if Cell::of(station.latitude, station.longitude) != Some(cell) {
                return Err(StationsError::OutsideOfCell(station.id.clone()));
            }
        }
        Ok(Self(stations))
    }

    /// The station of that id.
    pub fn get(&self, id: &str) -> Option<&Station> {
        self.0.iter().find(|station| station.id == id)
    }

    /// Those of these ids, or all of them for `all`, in the file's order.
    pub fn chosen<'a>(&'a self, ids: &'a [String]) -> impl Iterator<Item = &'a Station> {
        self.iter().filter(move |station| ids.iter().any(|id| id == "all" || *id == station.id))
    }

    /// All, in the file's order.
    pub fn iter(&self) -> std::slice::Iter<'_, Station> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Stations {
    type Item = &'a Station;
    type IntoIter = std::slice::Iter<'a, Station>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_fall_into_the_cells_of_the_service() {
        for (latitude, longitude, nx, ny) in [
            (37.5665, 126.9780, 60, 127),
            (35.1796, 129.0756, 98, 76),
            (33.4996, 126.5312, 53, 38),
            (37.4979, 127.0276, 61, 125),
            (36.3504, 127.3845, 67, 100),
            (35.8714, 128.6014, 89, 91),
            (38.0, 126.0, 43, 136),
        ] {
            assert_eq!(Cell::of(latitude, longitude), Some(Cell { nx, ny }));
        }
    }

    #[test]
    fn points_off_the_grid_have_no_cell() {
        for (latitude, longitude) in [
            (0.0, 0.0),
            (35.68, 139.69),
            (90.0, 126.0),
            (-90.0, 0.0),
            (f64::NAN, 126.0),
        ] {
            assert_eq!(Cell::of(latitude, longitude), None);
        }
    }

    #[test]
    fn the_centre_of_a_cell_is_in_it() {
        for nx in (1..=149).step_by(37) {
            for ny in (1..=253).step_by(42) {
                let cell = Cell { nx, ny };
                let (latitude, longitude) = cell.centre();
                assert_eq!(Cell::of(latitude, longitude), Some(cell));
            }
        }
    }

    #[test]
    fn the_bundled_stations_are_seventeen_places_in_their_cells() {
        let stations = Stations::bundled();
        assert_eq!(stations.iter().count(), 17);
        let seoul = stations.get("seoul").unwrap();
        assert_eq!(
            (seoul.nx, seoul.ny, seoul.name_ko.as_str()),
            (60, 127, "서울")
        );
        assert!(stations.get("pyongyang").is_none());
    }

    #[test]
    fn a_wrong_dictionary_says_which_station_is_wrong() {
        let station = "[[station]]\nid = \"a\"\nname = \"A\"\nname_ko = \"가\"\nnx = 60\nny = 127\nlatitude = 37.58\nlongitude = 126.99\n";
        assert!(Stations::parse(station).is_ok());
        assert!(
            matches!(Stations::parse(&station.repeat(2)), Err(StationsError::SameId(id)) if id == "a")
        );
        let swapped = station.replace("nx = 60\nny = 127", "nx = 127\nny = 60");
        assert!(
            matches!(Stations::parse(&swapped), Err(StationsError::OutsideOfCell(id)) if id == "a")
        );
        assert!(matches!(
            Stations::parse("[[station]]\nid = 1"),
            Err(StationsError::Format(_))
        ));
    }
}
