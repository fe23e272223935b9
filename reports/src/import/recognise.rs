//! What the definitions know of the names in a row: which model it is about, and what its device is sold as.
//! Only names that the definitions list count: a model that merely sounds alike is another model.

use dyno_protocol::Known;
use dyno_suites::Definitions;

use crate::foreign::ForeignRow;

pub fn recognise(rows: &mut [ForeignRow], definitions: &Definitions) {
    for row in rows {
        row.model_id = definitions.model_by_name(&row.model).map(|(model, _)| model.id.clone());
        if let (None, Some(identifier)) = (row.device_name.value(), row.device_identifier.value())
            && let Some(device) = definitions.device_by_identifier(identifier)
        {
            row.device_name = Known::Is(device.marketing_name.clone());
        }
    }
}
