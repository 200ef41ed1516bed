// One message for each reading of a tick or a pack; what is not a message of the wire goes to the second output.
const units = @units@;
const [, , run, city, pillar, station] = msg.topic.split('/');
let told;
try {
    told = JSON.parse(msg.payload);
} catch (error) {
    return [null, { payload: { topic: msg.topic, error: error.message, payload: msg.payload } }];
}
const { session, seq, time, ...columns } = told;
const pack = Array.isArray(time);
const times = pack ? time : [time];
const readings = [];
for (const [indicator, cells] of Object.entries(columns)) {
    times.forEach((moment, at) => {
        const value = pack ? cells[at] : cells;
        const unit = units[indicator] || '';
        readings.push({ payload: { run, city, pillar, station, session, seq, time: moment, indicator, value, unit } });
    });
}
return [readings, null];
