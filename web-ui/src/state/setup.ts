/** The first steps of a node. */

export { cancelJoin, confirmJoin, createFirstPerson, foundOrganisation, getJoin, startJoin } from "../api/setup";
